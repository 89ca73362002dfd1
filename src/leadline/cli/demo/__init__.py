"""`leadline demo`: the main job, end to end, on real calls over loopback."""

from leadline.cli.demo.play import run

__all__ = ["run"]
