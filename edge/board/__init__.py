"""The sensor board: what is connected to it, its image, and whether it is well."""
