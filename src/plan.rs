//! What should be, minus what is, as a list of actions.
