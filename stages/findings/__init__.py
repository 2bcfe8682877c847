"""What the numbers say: the design's runs read and checked, resampling, the paper's claims, tables, figures, pages."""
