"""The demo: the real pipeline on made-up contact files, against the sandbox on this machine."""
