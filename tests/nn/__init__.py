"""Tests of layers, containers, losses and initialisers."""
