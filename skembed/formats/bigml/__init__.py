"""BigML's deepnets: reading a document, building its layers, its images as a backbone."""
