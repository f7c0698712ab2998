//! Finger minutiae records of ISO/IEC 19794-2:2005.
