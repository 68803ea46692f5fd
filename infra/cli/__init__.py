"""The commands of ``python -m infra``: options in, one call, what a person should read out."""
