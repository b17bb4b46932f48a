"""Kind 3: a machine outside Azure, reached by its address through a Bastion host.

Its gate is the security group of the host's AzureBastionSubnet: an outbound allow rule ahead of a
standing deny for the address. Where no such deny stands, an approval is advisory, and it is said.
"""
