"""Charts: frozen data in, SVG text out; one file a chart.

They are drawn on the server, so a page needs no script to show one, prints as it looks, and takes nothing from outside; a page with six of
them stays far below 300 kB. A chart library in the browser would be several times that before it draws anything, would leave nothing to
read with scripts switched off, and would need a policy that lets it write styles.

Every chart is a `Figure` (figure.py): a drawing with a title and a description for those who do not see it, and the numbers behind it as
a table. Colours come from classes (charts.css), so dark, light and print follow the page; what a colour says is said by a shape, a dash or
a word as well.
"""
