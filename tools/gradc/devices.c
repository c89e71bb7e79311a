/* devices.c - gradc devices: a table of what gradc_open can open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { FACT_SIZE = 160, COLUMNS = 6 };

static const char *const titles[COLUMNS] = {"device", "kind", "name", "vendor", "memory", "OpenCL"};
static const char *const keys[COLUMNS] = {"device", "kind", "name", "vendor", "memory", "opencl"};

static void fact(int32_t index, int column, char text[FACT_SIZE])
{
    if (gradc_device_info(index, keys[column], text, FACT_SIZE) != GRADC_OK)
        strcpy(text, "?");
    if (strcmp(keys[column], "memory") == 0)
        snprintf(text, FACT_SIZE, "%.1f GiB", strtod(text, NULL) / (1024.0 * 1024.0 * 1024.0));
    if (text[0] == '\0')
        strcpy(text, "-");
}

static void print_table(int32_t count)
{
    size_t width[COLUMNS];
    char text[FACT_SIZE];
    for (int column = 0; column < COLUMNS; column++) {
        width[column] = strlen(titles[column]);
        for (int32_t i = 0; i < count; i++) {
            fact(i, column, text);
            width[column] = strlen(text) > width[column] ? strlen(text) : width[column];
        }
    }
    for (int32_t i = -1; i < count; i++)
        for (int column = 0; column < COLUMNS; column++) {
            if (i >= 0)
                fact(i, column, text);
            else
                strcpy(text, titles[column]);
            if (column + 1 < COLUMNS)
                printf("%-*s  ", (int)width[column], text);
            else
                printf("%s\n", text);
        }
}

int command_devices(int argc, char **argv)
{
    int names = argc == 1 && strcmp(argv[0], "--names") == 0;
    int help = argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
    if (argc > 0 && !names && !help)
        return tool_usage("gradc devices takes no option but --names, which prints the strings for --device");
    if (help) {
        puts("usage: gradc devices [--names]   list the devices; --names: only the strings for --device");
        return TOOL_OK;
    }
    int32_t count = gradc_device_count();
    char text[FACT_SIZE];
    for (int32_t i = 0; i < count && names; i++) {
        fact(i, 0, text);
        puts(text);
    }
    if (names)
        return TOOL_OK;
    print_table(count);
    if (count == 1)
        puts("There is no OpenCL device: install its vendor's driver, or PoCL (Debian: pocl-opencl-icd).");
    return TOOL_OK;
}
