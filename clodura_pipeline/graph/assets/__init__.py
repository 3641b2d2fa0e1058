"""The graph: one module per group of assets, each body a paragraph; what they do is in the plain packages."""
