"""R1-R5: the Protocols of the consistency layer and the adapters that fulfil them."""
