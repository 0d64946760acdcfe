"""Tensors and parameters: batches, embeddings, encoders, the CRF."""
