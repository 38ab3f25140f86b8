//! Builds one observation of one repository; decides nothing.
