"""What a person sees and says while a stage runs: progress, stopping, the device. It cannot change a number."""
