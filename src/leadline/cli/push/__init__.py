"""`leadline push`: a file of customers, of any size, through the front door of a Leadline that is up."""

from leadline.cli.push.door import door
from leadline.cli.push.order import Order
from leadline.cli.push.run import push

__all__ = ["Order", "door", "push"]
