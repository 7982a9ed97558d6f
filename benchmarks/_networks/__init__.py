"""Networks and layers that engines are compared on; tests take a few of them too."""
