#!/bin/sh
# Who pinned it: one more field, empty for what was there before.
sed 's/$/|/'
