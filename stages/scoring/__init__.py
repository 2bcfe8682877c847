"""What the nets' scores are set beside: predictors without a net, and what of the test split training has heard."""
