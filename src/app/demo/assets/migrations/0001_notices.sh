#!/bin/sh
# Notices are lines of text.
cat
