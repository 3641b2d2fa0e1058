"""What this project runs: one instance of the component, and whatever `dg scaffold defs` adds."""
