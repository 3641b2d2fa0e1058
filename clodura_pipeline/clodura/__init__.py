"""Clodura's API as this project sees it: one call at a time, answers parsed once, errors that say what to do."""
