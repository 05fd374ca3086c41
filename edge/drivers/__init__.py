"""Device drivers, one file each: bytes in, channel samples out."""
