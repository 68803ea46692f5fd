"""The commands ``gamenight stage``: deploy and operate a stage on AWS."""
