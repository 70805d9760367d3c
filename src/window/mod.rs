//! Panes, sliding windows, histograms (pure).
