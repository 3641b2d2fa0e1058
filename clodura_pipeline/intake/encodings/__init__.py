"""Text in any encoding: which one it is, and its bytes as UTF-8."""
