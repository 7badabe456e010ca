"""What the shop sells."""

from django.db import models


class Order(models.Model):
    """One order; ``total`` in fen."""

    number = models.CharField(primary_key=True, max_length=32)
    total = models.PositiveIntegerField()
    is_paid = models.BooleanField(default=False)
