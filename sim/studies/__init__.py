"""Many runs of one scenario or of several, and what they tell together with its uncertainty."""
