"""The page about the published file: figures, charts, and the HTML that shows both."""
