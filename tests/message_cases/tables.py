"""Text tables: what stands above the rows, the rows, their cells."""

from .case import scan

LMI = "Frame,Time,X,Y,Row Count,Column Count,End\n0,0,0,0,2,3,\n0,1,2,3,4,5,6,7,8\n"
ROW = "1,2,3,4,5,6,7,8,9\n"
DOUBTFUL = "0,0,0\n1,2,OVERSHOT\n4,5,6\n7,8,OVERSHOT\n"

CASES = {
    "binary": scan("a.xyz", "1 2 3\0\n"),
    "comments only": scan("a.txt", "# only words\n"),
    "blank cells only": scan("a.csv", ",,\n,,\n"),
    "names only": scan("a.csv", "x,y,z\n"),
    "no row of numbers": scan("a.txt", "<html>\n"),
    "unknown names": scan("a.txt", "a b c\n1 2 3\n"),
    "names without z": scan("a.txt", "x y c\n1 2 3\n"),
    "units differ": scan("a.csv", "x [mm];y [mm];z [um]\n1;2;3\n"),
    "row short": scan("a.txt", "1 2 3\n4 5\n"),
    "row of one": scan("a.csv", "1,2,3\n4\n"),
    "row long": scan("a.csv", "1,2,3\n1,2,3,4\n"),
    "cell far too long": scan("a.csv", '1,2,"3"\n4,,6\n7,8,' + 200_000 * "9" + "x\n"),
    "word far too long": scan("a.csv", "1,2,3\n4,,6\n7,8," + 200_000 * "9" + "x\n"),
    "two columns": scan("a.xyz", "1 2\n3 4\n"),
    "names more than columns": scan("a.txt", "x y z\n1 2\n3 4\n"),
    "word": scan("a.txt", "# c\n1 2 3\n4 five 6\n"),
    "word with unit": scan("a.csv", "x,y,z\n1,2,3\n4,5,12mm\n"),
    "thousands separators": scan("a.csv", "1;2;3\n1,234.5;2;3\n"),
    "thousands points": scan("a.csv", "x;y;z\n1;2;3\n1.234,5;2;3\n"),
    "thousands or fractions": scan("a.csv", "".join(f"{i};{i};{90 * i - 500:,}\n" for i in range(40))),
    "commas between and within": scan("a.csv", "x,y,z\n1,05,2,00,3,25\n1,10,2,10,3,05\n1,15,2,20,3,25\n"),
    "column of thousands": scan("a.csv", "x;y;z\n1;2;3,234.5\n1;2;3,567.5\n"),
    "column of words": scan("a.csv", "x,y,z\ndent,1,2\ngood,1,2\n"),
    "column of words, told": scan("a.csv", "dent,1,2,3\ngood,1,2,3\n", columns="x,y,z,-"),
    "words that repeat": scan("a.csv", DOUBTFUL),
    "rows shorter": scan("a.csv", "1,2,3\n4,5\n7,8,9\n"),
    "columns 4 to 6 unclear": scan("a.xyz", "1 2 3 0.5 7 -3\n"),
    "rows far too wide": scan("a.txt", 30 * "1 2 3 4 5 6 7 8 9 10 " + "\n"),
    "columns option without z": scan("a.csv", "1,2,3\n", columns="x,y,-"),
    "columns option beyond the table": scan("a.csv", "1,2,3\n", columns="xyzrgb"),
    "grid without size": scan("a.csv", LMI.replace("2,3,", "2,x,", 1) + ROW),
    "grid of fewer rows": scan("a.csv", LMI + ROW),
    "grid of words": scan("a.csv", LMI + ROW + ROW.replace("9", "9b")),
    "grid far too large": scan("a.csv", LMI.replace("2,3,", "2,3000000000,", 1) + ROW),
}
