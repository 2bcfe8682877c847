"""What an arm of the study states: the protocol of its trainings, their budgets, and what each candidate draws."""
