"""How a requirement comes to its status: the three shapes, and what ends, holds, decisions and go-live do to
them."""
