#!/bin/sh
# Until when a notice stays on top: one more field; the oldest notice is the first that has it.
sed -e 's/$/|/' -e '1s/$/the end of the month/'
