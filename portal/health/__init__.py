"""For load balancers and supervisors: is the process alive, and can it do its work?"""
