/* Calls a function of the module, named first, with numbers; "(" and ")" hold those of a tuple,
   and "then" is followed by another call. Prints what comes back, None as nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "py/obj.h"
#include "py/runtime.h"

struct stub_object {
    enum { FLOAT, INT, BOOL, TUPLE } kind;
    double number;
    size_t count;
    mp_obj_t items[16];
};

const mp_obj_type_t mp_type_module = {"module"};

static mp_obj_t made(int kind, double number)
{
    mp_obj_t object = calloc(1, sizeof *object);
    object->kind = kind;
    object->number = number;
    return object;
}

void mp_raise_ValueError(const char *text)
{
    printf("ValueError: %s\n", text);
    exit(3);
}

mp_float_t mp_obj_get_float(mp_obj_t object)
{
    if (object->kind != FLOAT) {
        mp_raise_ValueError("no number");
    }
    return object->number;
}

mp_obj_t mp_obj_new_float(mp_float_t value) { return made(FLOAT, value); }
mp_obj_t mp_obj_new_int(mp_int_t value) { return made(INT, (double)value); }
mp_obj_t mp_obj_new_bool(int value) { return made(BOOL, value); }

mp_obj_t mp_obj_new_tuple(size_t count, const mp_obj_t *items)
{
    mp_obj_t tuple = made(TUPLE, 0);
    tuple->count = count;
    memcpy(tuple->items, items, count * sizeof items[0]);
    return tuple;
}

void mp_obj_get_array_fixed_n(mp_obj_t object, size_t count, mp_obj_t **items)
{
    if (object->kind != TUPLE || object->count != count) {
        mp_raise_ValueError("another length");
    }
    *items = object->items;
}

static void show(mp_obj_t object)
{
    if (object == mp_const_none) {
        return;
    }
    if (object->kind != TUPLE) {
        printf(object->kind == FLOAT ? "%.9g " : "%.0f ", object->number);
    }
    for (size_t i = 0; i < object->count; ++i) {
        show(object->items[i]);
    }
}

static int call(int argc, char *argv[])
{
    mp_obj_t arguments[16], parts[16];
    size_t count = 0, held = 0;
    int inside = 0;
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "(") == 0) {
            inside = 1;
            held = 0;
        } else if (strcmp(argv[i], ")") == 0) {
            inside = 0;
            arguments[count++] = mp_obj_new_tuple(held, parts);
        } else if (inside) {
            parts[held++] = mp_obj_new_float(atof(argv[i]));
        } else {
            arguments[count++] = mp_obj_new_float(atof(argv[i]));
        }
    }
    for (size_t i = 0; i < stub_module->globals->count; ++i) {
        const mp_rom_map_elem_t *item = &stub_module->globals->items[i];
        if (strcmp(item->key, argv[0]) == 0) {
            const stub_function *function = item->value;
            if (count < function->least || count > function->most) {
                printf("TypeError\n");
                return 4;
            }
            show(function->call ? function->call(count, arguments) : function->call_one(arguments[0]));
            printf("\n");
            return 0;
        }
    }
    printf("AttributeError\n");
    return 5;
}

int main(int argc, char *argv[])
{
    int ended = 0;
    for (int first = 1; first < argc && ended == 0;) {
        int last = first;
        while (last < argc && strcmp(argv[last], "then") != 0) {
            ++last;
        }
        ended = call(last - first, argv + first);
        first = last + 1;
    }
    return ended;
}
