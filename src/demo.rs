//! The box, the controller and a story, in one terminal.
