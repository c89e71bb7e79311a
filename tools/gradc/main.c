/* main.c - the gradc command: which word runs what. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const char help[] =
    "usage: gradc train [options]               train a classifier of images\n"
    "       gradc predict MODEL IMAGE...        what a trained model sees in images\n"
    "       gradc eval MODEL                    a trained model's accuracy, with the confusion matrix\n"
    "       gradc info MODEL|FILE               what a model is made of, or what a file holds\n"
    "       gradc explain MODEL                 the plan of a model's training step\n"
    "       gradc compare                       how fast each device of this machine trains\n"
    "       gradc tune                          looks for a device's fastest products and convolutions\n"
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
} commands[] = {{"train", command_train}, {"predict", command_predict}, {"eval", command_eval},
                {"info", command_info},   {"explain", command_explain}, {"compare", command_compare},
                {"tune", command_tune},   {"devices", command_devices}, {"--version", command_version},
                {"--help", command_help}, {"-h", command_help},         {"help", command_help}};

static void log_line(void *payload, const char *line)
{
    (void)payload;
    fprintf(stderr, "gradc: %s\n", line);
}

/* A standard stream that is closed would be the next file that is opened, and what is printed would land in it.  The
 * stand-ins fail when they are used, so that it shows. */
static void hold_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

/* The command's status, or that of a screen (or what it was redirected to) that did not take everything. */
static int close_output(int status)
{
    int failed = ferror(stdout);
    errno = 0;
    failed |= fflush(stdout);
    if (!failed || status != TOOL_OK)
        return status;
    fprintf(stderr, "gradc: standard output: %s\n", errno != 0 ? strerror(errno) : "not all could be written");
    return TOOL_FAILED;
}

int main(int argc, char **argv)
{
    hold_streams();
    if (argc < 2) {
        fputs(help, stderr);
        return TOOL_USAGE;
    }
    gradc_set_log(log_line, NULL);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return close_output(commands[i].run(argc - 2, argv + 2));
    return tool_usage("there is no command \"%s\"; gradc --help lists them", argv[1]);
}
