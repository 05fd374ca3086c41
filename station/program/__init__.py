"""What every program of Plumbline shares: signals, children, whole files, its release, its help."""
