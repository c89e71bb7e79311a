/* main.c - the gradc command: train a classifier, list devices. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char help[] =
    "usage: gradc train [options]   train a classifier; gradc train --help lists the options\n"
    "       gradc devices           list the devices of this machine\n"
    "       gradc --version\n"
    "       gradc --help\n";

static int command_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs(help, stdout);
    return TOOL_OK;
}

static int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("gradc %s\n", gradc_version());
    return TOOL_OK;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {{"train", command_train}, {"devices", command_devices}, {"--version", command_version},
                {"--help", command_help}, {"-h", command_help},         {"help", command_help}};

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return TOOL_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = commands[i].run(argc - 2, argv + 2);
            if (fflush(stdout) != 0 && status == TOOL_OK) {
                perror("gradc: standard output");
                return TOOL_FAILED;
            }
            return status;
        }
    return tool_usage("there is no command \"%s\"; gradc --help lists them", argv[1]);
}
