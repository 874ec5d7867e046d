0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 partition node3 | rest
3.500 client0 write r0 A
      committed to 7
      client0 writes r0: done
4.000 crash node1
      node1 is down
4.000 heal
4.000 candidates node3
       the faults stop for node2 node3
       node2 campaigns in term 3
       node2 leads in term 3
       committed to 10
       held
