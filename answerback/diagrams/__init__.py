"""A dialog flow as a picture. What is drawn is plain data: who draws it need not know flows, nor agents."""
