"""The one door to Azure: clients, error words, the estate's reading, and the simulated Azure.

Import it in workers only; the SDKs weigh some 90 MB, and the web process has nothing to ask.
"""
