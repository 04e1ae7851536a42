/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to use the macros in C++. */
#include "inline_span.h"

#include <stdexcept>

namespace
{

template <class T> T in_template(T value)
{
    WEIR_SPAN("template");
    return value;
}

struct object {
    object() { WEIR_SPAN("constructor"); }
    object(const object &) = delete;
    object &operator=(const object &) = delete;
    ~object() { WEIR_SPAN("destructor"); }
};

int in_object_and_lambda()
{
    const object made;
    const auto lambda = [](int value) {
        WEIR_SPAN("lambda");
        return value;
    };
    return lambda(1) + 2;
}

/* Spans all the way down that an exception ends, the innermost first. */
void descend(int depth)
{
    WEIR_SPAN("descend");
    if (depth == 0) throw std::runtime_error("bottom");
    descend(depth - 1);
}

} // namespace

int spans_in_cxx(void)
{
    WEIR_SERVER_SPAN(request, "POST", "/cxx", nullptr);
    weir_server_response(request, 201);
    return shared_static() + shared_inline() + in_template(1) + int(in_template(1.0)) +
           in_object_and_lambda() + 1;
}

int spans_under_exceptions(void)
{
    try {
        WEIR_SPAN("try");
        descend(4);
    } catch (const std::runtime_error &) {
        WEIR_SPAN("catch");
        weir_error("bottom");
    }
    return 7;
}
