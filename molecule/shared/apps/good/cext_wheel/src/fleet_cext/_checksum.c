/* A function in C, so that the wheel is one for this platform and must not be built on a host. */

#include <Python.h>

static PyObject *byte_sum(PyObject *module, PyObject *data) {
    char *bytes;
    Py_ssize_t length;
    unsigned long long sum = 0;

    if (PyBytes_AsStringAndSize(data, &bytes, &length) < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < length; i++)
        sum += (unsigned char)bytes[i];
    return PyLong_FromUnsignedLongLong(sum);
}

static PyMethodDef methods[] = {
    {"byte_sum", byte_sum, METH_O, "byte_sum(data: bytes) -> int: the sum of the bytes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_checksum", .m_size = 0, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__checksum(void) { return PyModuleDef_Init(&definition); }
