"""The sub-commands of `clodura-pipeline` that belong to no package of their own, a module each."""
