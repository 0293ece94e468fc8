"""From any picture of a digit to the 8×8 image that the network was trained on."""
