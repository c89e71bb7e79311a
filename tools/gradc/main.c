/* main.c - the gradc command: which word runs what. */
#include <string.h>

#include "tool.h"

static const char help[] =
    "usage: gradc train [options]               train a classifier of images\n"
    "       gradc predict MODEL IMAGE...        what a trained model sees in images\n"
    "       gradc eval MODEL                    a trained model's accuracy, with the confusion matrix\n"
    "       gradc info MODEL|FILE               what a model is made of, or what a file holds\n"
    "       gradc compare                       how fast each device of this machine trains\n"
    "       gradc devices                       the devices of this machine\n"
    "       gradc --version\n"
    "       gradc --help                        gradc COMMAND --help lists a command's options\n";

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

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {{"train", command_train},       {"predict", command_predict}, {"eval", command_eval},
                {"info", command_info},         {"compare", command_compare}, {"devices", command_devices},
                {"--version", command_version}, {"--help", command_help},     {"-h", command_help},
                {"help", command_help}};

static void log_line(void *payload, const char *line)
{
    (void)payload;
    fprintf(stderr, "gradc: %s\n", line);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return TOOL_USAGE;
    }
    gradc_set_log(log_line, NULL);
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
