/* confusion.c - how a model did on labelled images: accuracy, each class, the confusion matrix, in columns. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { NAME = 16, CLASSES_SHOWN = 40 };

static int64_t count_of(const struct results *r, int class, int guessed)
{
    return r->confusion[(int64_t) class * r->classes + guessed];
}

static int64_t row_sum(const struct results *r, int c)
{
    int64_t sum = 0;
    for (int k = 0; k < r->classes; k++)
        sum += count_of(r, c, k);
    return sum;
}

static int64_t column_sum(const struct results *r, int c)
{
    int64_t sum = 0;
    for (int k = 0; k < r->classes; k++)
        sum += count_of(r, k, c);
    return sum;
}

static int digits(int64_t n)
{
    int count = 1;
    while ((n /= 10) > 0)
        count++;
    return count;
}

static void print_row(const struct results *r, const struct names *names, int c, int width)
{
    char text[32];
    int64_t all = row_sum(r, c), guessed = column_sum(r, c), right = count_of(r, c, c);
    print_column(name_of(names, c, text), NAME, NAME - 1);
    for (int k = 0; k < r->classes && r->classes <= CLASSES_SHOWN; k++) {
        int64_t n = count_of(r, c, k);
        if (n > 0)
            printf(" %*lld", width, (long long)n);
        else
            printf(" %*s", width, ".");
    }
    printf("  %6.1f %%  %6.1f %%\n", all > 0 ? 100.0 * (double)right / (double)all : 0,
           guessed > 0 ? 100.0 * (double)right / (double)guessed : 0);
}

void confusion_print(const struct results *r, const struct names *names)
{
    int width = 1;
    for (int64_t i = 0; i < (int64_t)r->classes * r->classes; i++)
        width = digits(r->confusion[i]) > width ? digits(r->confusion[i]) : width;
    width = width > 3 ? width : 3;
    printf("%-*s", NAME, "true \\ guessed");
    for (int k = 0; k < r->classes && r->classes <= CLASSES_SHOWN; k++) {
        char text[32];
        putchar(' ');
        print_column(name_of(names, k, text), -width, width);
    }
    printf("    recall  precision\n");
    for (int c = 0; c < r->classes; c++)
        print_row(r, names, c, width);
}
