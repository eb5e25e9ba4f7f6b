/* What the wrapper needs of MicroPython's objects, made of plain C. */
#ifndef PY_OBJ_STUB_H
#define PY_OBJ_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MICROPY_PY_BUILTINS_FLOAT 1

typedef double mp_float_t;
typedef intptr_t mp_int_t;
typedef struct stub_object *mp_obj_t;
typedef struct stub_dictionary mp_obj_dict_t;
typedef struct {
    const char *name;
} mp_obj_type_t;
typedef struct {
    const mp_obj_type_t *type;
} mp_obj_base_t;
typedef struct {
    mp_obj_base_t base;
    mp_obj_dict_t *globals;
} mp_obj_module_t;
typedef struct {
    const char *key;
    const void *value;
} mp_rom_map_elem_t;
struct stub_dictionary {
    size_t count;
    const mp_rom_map_elem_t *items;
};
typedef struct {
    size_t least, most;
    mp_obj_t (*call)(size_t count, const mp_obj_t *arguments);
    mp_obj_t (*call_one)(mp_obj_t argument);
} stub_function;

extern const mp_obj_type_t mp_type_module;

#define mp_const_none ((mp_obj_t)NULL)

mp_float_t mp_obj_get_float(mp_obj_t object);
mp_obj_t mp_obj_new_float(mp_float_t value);
mp_obj_t mp_obj_new_int(mp_int_t value);
mp_obj_t mp_obj_new_tuple(size_t count, const mp_obj_t *items);
mp_obj_t mp_obj_new_bool(int value);
void mp_obj_get_array_fixed_n(mp_obj_t object, size_t count, mp_obj_t **items);

#define MP_QSTR(name) #name
#define MP_ROM_QSTR(name) name
#define MP_ROM_PTR(pointer) (pointer)
#define MP_ROM_INT(number) ((const void *)(intptr_t)(number))
#define MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(object, least, most, function) \
    const stub_function object = {least, most, function, NULL}
#define MP_DEFINE_CONST_FUN_OBJ_1(object, function) \
    const stub_function object = {1, 1, NULL, function}
#define MP_DEFINE_CONST_DICT(dictionary, table) \
    const mp_obj_dict_t dictionary = {sizeof(table) / sizeof((table)[0]), table}
#define MP_REGISTER_MODULE(name, module) \
    const mp_obj_module_t *const stub_module = &module

extern const mp_obj_module_t *const stub_module;

/* MicroPython collects these itself. */
#include "qstrs.h"

#endif
