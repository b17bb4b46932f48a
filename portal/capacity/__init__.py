"""Capacity and cost: how full each Bastion host is, was and will be, what its tier is for, and
which public addresses and jump boxes are left to retire."""
