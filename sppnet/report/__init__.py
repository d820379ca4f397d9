"""Tables and figures, rendered from the files that the stages wrote."""
