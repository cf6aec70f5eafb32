"""Replies that are streamed while everything breaks: what their platforms show at the end is what was committed."""
