/* ggtool: the dispatcher. */
#include <stdio.h>

int main(void)
{
    puts("ggtool " GG_VERSION);
    return 0;
}
