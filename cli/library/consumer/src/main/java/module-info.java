// SPDX-License-Identifier: Apache-2.0
/** The library can be on the module path. */
module consumer {
    requires abuse;
}
