"""Training data: aspects, samples from forward kinematics, and the tf.data generator."""
